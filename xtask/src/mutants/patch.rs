//! A patch without line numbers: lines to find, lines to put there. Found by their text, whatever their indentation, so that it lives as long as the
//! lines do.

use anyhow::{Result, ensure};

/// One place of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Patch {
    /// Lines that must be there, trimmed.
    pub(crate) find: Vec<String>,
    /// Lines that stand there afterwards, trimmed.
    pub(crate) put: Vec<String>,
}

impl Patch {
    /// Takes one line of a patch: `- old`, `+ new`, or `= both`. Whether it was one.
    pub(crate) fn take(&mut self, line: &str) -> bool {
        let Some((mark, text)) = line.split_at_checked(1) else { return false };
        let text = text.trim().to_owned();
        match mark {
            "-" => self.find.push(text),
            "+" => self.put.push(text),
            "=" => {
                self.find.push(text.clone());
                self.put.push(text);
            }
            _ => return false,
        }
        true
    }

    /// `text` with the patch in it.
    ///
    /// # Errors
    /// If the place is not there exactly once, or the patch changes nothing.
    pub(crate) fn apply(&self, text: &str) -> Result<String> {
        ensure!(!self.find.is_empty(), "it says no line to find (`- ...` or `= ...`)");
        ensure!(self.find != self.put, "it changes nothing");
        let lines: Vec<&str> = text.lines().collect();
        let here = |window: &[&str]| window.iter().zip(&self.find).all(|(line, find)| line.trim() == find);
        let places: Vec<usize> = lines.windows(self.find.len()).enumerate().filter(|(_, window)| here(window)).map(|(at, _)| at).collect();
        ensure!(places.len() == 1, "its lines are there {} times, not once: {}", places.len(), self.find.join(" / "));
        let end = places[0] + self.find.len();
        let all = lines[..places[0]].iter().copied().chain(self.put.iter().map(String::as_str)).chain(lines[end..].iter().copied());
        Ok(all.fold(String::with_capacity(text.len() + 64), |text, line| text + line + "\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(lines: &[&str]) -> Patch {
        let mut patch = Patch::default();
        assert!(lines.iter().all(|line| patch.take(line)));
        patch
    }

    #[test]
    fn indentation_does_not_matter_and_context_stays() {
        let text = "fn f() {\n    a();\n    b();\n}\n";
        assert_eq!(patch(&["= a();", "- b();", "+ c();"]).apply(text).unwrap(), "fn f() {\na();\nc();\n}\n");
        assert_eq!(patch(&["- a();", "- b();"]).apply(text).unwrap(), "fn f() {\n}\n");
    }

    #[test]
    fn a_place_that_is_gone_or_not_alone_is_refused() {
        let text = "a\nb\na\n";
        for (lines, why) in [
            (&["- c", "+ d"][..], "there 0 times"),
            (&["- a", "+ d"], "there 2 times"),
            (&["+ d"], "no line to find"),
            (&["- b", "+ b"], "changes nothing"),
        ] {
            let error = patch(lines).apply(text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        assert!(!Patch::default().take("x") && !Patch::default().take(""));
    }
}
