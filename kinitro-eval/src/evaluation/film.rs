//! Films of the episodes of an evaluation.

use std::fs;
use std::path::Path;

use super::{Evaluation, EvaluationError};
use crate::env::Environment;
use crate::episode::EpisodeRecord;
use crate::report::FolderError;
use crate::report::video::{self, Filmed};

/// Runs an episode, and saves its film if one is wanted.
pub(super) fn record(
    evaluation: &Evaluation,
    environment: &mut dyn Environment,
    run: impl FnOnce(&mut dyn Environment) -> Result<EpisodeRecord, EvaluationError>,
) -> Result<EpisodeRecord, EvaluationError> {
    let (Some(video), Some(folder)) = (evaluation.video, &evaluation.folder) else {
        return run(environment);
    };
    let cameras = &evaluation.options.cameras;
    let mut filmed = Filmed::new(environment, cameras).map_err(EvaluationError::Settings)?;
    let record = run(&mut filmed)?;
    // An episode that broke down through no fault of the policy is run again, so its film is
    // dropped.
    if video.is_wanted_of(&record) && record.outcome.score().is_some() {
        keep(filmed, &folder.join(video::path(&record)))?;
    }
    Ok(record)
}

fn keep(filmed: Filmed<'_>, path: &Path) -> Result<(), EvaluationError> {
    let failed = |source| FolderError::Io { path: path.to_owned(), verb: "written", source };
    let film = filmed.finish()?.map_err(failed)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    fs::write(path, film).map_err(failed)?;
    Ok(())
}
