//! Options that contradict each other: one that would change nothing because of another, and settings with which the last frames of a run would never be told.

use super::config::{Feed, RunConfig};
use super::setup::share;
use crate::cli::options::{Discipline, FullKind, ModeKind, NotifyKind, RunOptions, SourceKind};
use crate::input::error::BadInput;
use std::path::Path;

/// Refuses what was typed in vain.
///
/// # Errors
/// The first option that would change nothing.
pub(super) fn check_options(options: &RunOptions) -> Result<(), BadInput> {
    let usual = RunOptions::default();
    let generator = options.source == SourceKind::Generator;
    let polls = options.notify == NotifyKind::Poll;
    let rows: [(&str, bool, bool, &str); 10] = [
        ("--elinks", options.elinks != usual.elinks, options.mode == ModeKind::Blocks, "--mode is blocks"),
        ("--flush", options.flush != usual.flush, options.mode == ModeKind::Blocks, "--mode is blocks"),
        ("--page-size", options.page_size != usual.page_size, options.discipline == Discipline::Pages, "--discipline is pages"),
        ("--packed", options.packed, options.discipline == Discipline::Pages, "--discipline is pages"),
        ("--flush-time", options.flush_time != usual.flush_time, options.packed, "pages are --packed"),
        ("--write-back", options.write_back != usual.write_back, options.discipline == Discipline::Ring, "--discipline is ring"),
        ("--coalesce-frames", options.coalesce_frames != usual.coalesce_frames, !polls, "--notify is interrupt or hybrid"),
        ("--coalesce-time", options.coalesce_time != usual.coalesce_time, !polls, "--notify is interrupt or hybrid"),
        ("--spread", options.spread != usual.spread, !generator, "frames come from an input"),
        ("--repeat", options.repeat != usual.repeat, !generator, "frames come from an input; the generator makes --frames of them"),
    ];
    match rows.into_iter().find(|(_, is_given, has_effect, _)| *is_given && !has_effect) {
        Some((option, .., condition)) => Err(BadInput::setting(option, "given", format!("absent unless {condition}"))),
        None => check_output(options),
    }
}

/// An output that is the input would be empty before it is read again, and the input lost.
fn check_output(options: &RunOptions) -> Result<(), BadInput> {
    let (Some(input), Some(output)) = (&options.input, &options.output) else { return Ok(()) };
    let place = |path: &str| Path::new(path).canonicalize().ok();
    match place(output) {
        Some(same) if place(input).as_ref() == Some(&same) => {
            Err(BadInput::setting("--output", output, "another file than the input, which would be lost"))
        }
        _ => Ok(()),
    }
}

/// Refuses a run that would wait for its last frames in vain.
///
/// # Errors
/// The option by which they stay untold.
pub(super) fn check_ends(config: &RunConfig) -> Result<(), BadInput> {
    let options = &config.options;
    let too_late = |option: &str, clocks: u32| {
        let right = format!("such that it is less than the {} clocks of --patience", options.patience);
        BadInput::setting(option, format_args!("{clocks} clocks"), right)
    };
    let late = |clocks: u32| u64::from(clocks) >= options.patience;
    if config.flush_clocks > 0 && late(config.flush_clocks) {
        return Err(too_late("--flush-time", config.flush_clocks));
    }
    // An interrupt brings a write-back, and pages tell of themselves.
    if options.discipline != Discipline::Ring || options.notify != NotifyKind::Poll || options.write_back.frames == 1 {
        return Ok(());
    }
    if late(config.write_back_clocks) {
        return Err(too_late("--write-back", config.write_back_clocks));
    }
    if config.write_back_clocks == 0 && !is_even(config) {
        let right = "given a time too, as in 8:1000: the last frames of a channel do not fill a count, and nobody would hear of them";
        return Err(BadInput::setting("--write-back", options.write_back, right));
    }
    Ok(())
}

/// Whether the write-back's count divides the frames of each channel.
fn is_even(config: &RunConfig) -> bool {
    let frames = |channel| match &config.feed {
        Feed::Front(plan) => plan.frames_of(channel),
        Feed::Generator { frames, .. } => share(*frames, config.channels, channel),
    };
    let count = u64::from(config.options.write_back.frames);
    let is_known = config.blocks().is_none() && config.full == FullKind::Stall;
    is_known && count > 0 && (0..config.channels).all(|channel| frames(channel).is_multiple_of(count))
}
