//! What is wrong with an input or a setting: always where, which field, its value, and what would be right. Knows no particular field.

use std::borrow::Cow;
use std::fmt;

/// Characters of a value that a message shows.
const MOST_SHOWN: usize = 200;

/// An input or a setting that cannot be used. Displays as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadInput {
    /// The file, or nothing for a setting.
    pub file: Option<String>,
    /// The field or option.
    pub field: String,
    /// Its value as found.
    pub value: String,
    /// What would be right.
    pub right: String,
}

impl BadInput {
    /// Of a file.
    pub fn file(file: &str, field: impl Into<String>, value: impl fmt::Display, right: impl Into<String>) -> Self {
        Self { file: Some(file.into()), field: field.into(), value: value.to_string(), right: right.into() }
    }

    /// Of a setting, by its option's name.
    pub fn setting(field: impl Into<String>, value: impl fmt::Display, right: impl Into<String>) -> Self {
        Self { file: None, field: field.into(), value: value.to_string(), right: right.into() }
    }
}

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}: ", shown(file))?;
        }
        write!(f, "{} is {}; it must be {}", self.field, shown(&self.value), self.right)
    }
}

/// A value as a line can hold it: nothing is seen as nothing, and what is very long is cut.
fn shown(value: &str) -> Cow<'_, str> {
    match value.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}...", &value[..end]).into(),
        None if value.is_empty() => "''".into(),
        None => value.into(),
    }
}

impl std::error::Error for BadInput {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_names_file_field_value_and_what_is_right() {
        let error = BadInput::file("a.pcap", "magic", "0x0", "0xa1b2c3d4");
        assert_eq!(error.to_string(), "a.pcap: magic is 0x0; it must be 0xa1b2c3d4");
        assert_eq!(BadInput::setting("--lanes", 3, "1, 2, 4, 8 or 16").to_string(), "--lanes is 3; it must be 1, 2, 4, 8 or 16");
    }

    #[test]
    fn nothing_and_too_much_can_be_read_too() {
        assert_eq!(BadInput::file("", "input", "", "a readable file").to_string(), "'': input is ''; it must be a readable file");
        assert!(BadInput::setting("--on", "ä".repeat(100_000), "model").to_string().len() < 500);
    }
}
