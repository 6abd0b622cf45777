//! The command that repeats a run: every option that is not the default, in a shell's words.

use super::options::RunOptions;
use clap::ValueEnum;
use std::fmt::Display;

/// The command line that gives the same run again. Options that only change what is printed are left out.
#[must_use]
pub fn command(options: &RunOptions) -> String {
    let default = RunOptions::default();
    let mut words = vec!["silico".to_string(), "run".into(), "--on".into(), quote(&options.on)];
    let mut add = |name: &str, value: &dyn Display, differs: bool| {
        if differs {
            words.extend([format!("--{name}"), quote(&value.to_string())]);
        }
    };
    add("compare", &name(options.compare), options.compare != default.compare);
    add("source", &name(options.source), options.source != default.source);
    add("mode", &name(options.mode), options.mode != default.mode);
    add("elinks", &options.elinks, options.elinks != default.elinks);
    add("flush", &options.flush, options.flush != default.flush);
    if let Some(frames) = options.frames {
        add("frames", &frames, true);
    }
    add("repeat", &options.repeat, options.repeat != default.repeat);
    add("frame-size", &options.frame_size, options.frame_size != default.frame_size);
    add("channels", &options.channels, options.channels != default.channels);
    add("spread", &name(options.spread), options.spread != default.spread);
    add("discipline", &name(options.discipline), options.discipline != default.discipline);
    add("page-size", &options.page_size, options.page_size != default.page_size);
    add("flush-time", &options.flush_time, options.flush_time != default.flush_time);
    add("ring-size", &options.ring_size, options.ring_size != default.ring_size);
    add("full", &name(options.full), options.full != default.full);
    add("gen", &options.generation, options.generation != default.generation);
    add("lanes", &options.lanes, options.lanes != default.lanes);
    add("mps", &options.mps, options.mps != default.mps);
    add("mrrs", &options.mrrs, options.mrrs != default.mrrs);
    add("width", &options.width, options.width != default.width);
    if let Some(card) = &options.card {
        add("card", card, true);
    }
    add("notify", &name(options.notify), options.notify != default.notify);
    add("write-back", &options.write_back, options.write_back != default.write_back);
    add("coalesce-frames", &options.coalesce_frames, options.coalesce_frames != default.coalesce_frames);
    add("coalesce-time", &options.coalesce_time, options.coalesce_time != default.coalesce_time);
    if let Some(rate) = options.rate {
        add("rate", &rate, true);
    }
    if let Some(pace) = &options.pace {
        add("pace", pace, true);
    }
    add("pause", &options.pause, options.pause != default.pause);
    // The seed always: it is what people look for.
    add("seed", &options.seed, true);
    add("link-errors", &options.link_errors, options.link_errors != default.link_errors);
    let stress: Vec<String> = options.stress.iter().copied().map(name).collect();
    add("stress", &stress.join(","), !stress.is_empty());
    add("patience", &options.patience, options.patience != default.patience);
    for fault in &options.faults {
        add("fault", fault, true);
    }
    if options.packed {
        words.push("--packed".into());
    }
    if options.ecrc {
        words.push("--ecrc".into());
    }
    words.extend(options.input.as_deref().map(quote));
    words.join(" ")
}

pub(super) fn name(value: impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_string())
}

/// A word as a POSIX shell reads it back.
pub(crate) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,@=+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(&[])]
    #[case(&["--frames", "7", "--repeat", "2", "--frame-size", "64..1500", "--channels", "2", "--spread", "hash", "--ring-size", "8192"])]
    #[case(&["--ecrc", "--full", "drop", "--gen", "4", "--lanes", "16", "--mps", "512", "--mrrs", "1024", "--width", "512", "--notify", "hybrid"])]
    #[case(&["--write-back", "3:700", "--coalesce-frames", "9", "--coalesce-time", "5", "--rate", "1.5", "--pause", "3", "--seed", "99", "--patience", "5"])]
    #[case(&["--on", "lockstep", "--compare", "transactions"])]
    #[case(&["--card", "small", "--seed", "2"])]
    #[case(&["--source", "generator", "--mode", "blocks", "--elinks", "33", "--flush", "77"])]
    #[case(&["--link-errors", "200", "--stress", "torn,order,credits"])]
    #[case(&["--pace", "capture:0.5", "--fault", "drop-interrupt@2", "--fault", "payload.corrupt(data[3]^0x80)%0.01/c2h=1", "--source", "pcap", "some dir/it's.pcap"])]
    #[case(&["--discipline", "pages", "--page-size", "96", "--packed", "--flush-time", "5"])]
    fn what_is_printed_parses_to_the_same_run(#[case] args: &[&str]) {
        let options = RunOptions::typed(args).unwrap();
        let line = command(&options);
        let words: Vec<String> = split(&line);
        let again = RunOptions::typed(&words[2..].iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        assert_eq!(again, options, "{line}");
    }

    /// Splits as a shell does, for the quoting used here.
    fn split(line: &str) -> Vec<String> {
        let (mut words, mut word, mut quoted, mut chars) = (vec![], String::new(), false, line.chars());
        while let Some(c) = chars.next() {
            match c {
                '\'' => quoted = !quoted,
                '\\' if !quoted => word.extend(chars.next()),
                ' ' if !quoted => words.push(std::mem::take(&mut word)),
                c => word.push(c),
            }
        }
        words.push(word);
        words
    }
}
