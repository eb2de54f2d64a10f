//! Environments, evaluations and their results.

use kinitro_eval::EvaluationError;
use kinitro_eval::env::metaworld::assets::FOLDER_VARIABLE;
use kinitro_eval::env::metaworld::parity::ParityError;
use kinitro_eval::env::{AssetsError, AssetsErrorKind, EnvironmentError, PoolError, metaworld};
use kinitro_eval::isolation::SandboxError;
use kinitro_eval::report::FolderError;

use super::{Hint, Hinted, fixed, from_library};
use crate::environments::fetch::FetchError;

impl Hinted for EnvironmentError {
    fn hint(&self) -> Hint {
        match self {
            Self::UnknownEnvironment { .. } => fixed("`kinitro env list` shows all environments"),
            Self::Assets(error) => Hinted::hint(error),
            Self::Render { hint, .. } => {
                Some(format!("{hint}; without them, --no-images works").into())
            }
            error => from_library(Self::hint(error)),
        }
    }
}

impl Hinted for AssetsError {
    fn hint(&self) -> Hint {
        if self.family() != metaworld::FAMILY {
            return from_library(Self::hint(self));
        }
        match self.kind() {
            AssetsErrorKind::NoFolder => {
                Some(format!("set {FOLDER_VARIABLE} to their folder").into())
            }
            AssetsErrorKind::Missing => Some(
                format!(
                    "`kinitro env fetch metaworld` gets them; {FOLDER_VARIABLE} names another \
                     folder"
                )
                .into(),
            ),
            AssetsErrorKind::Unreadable => {
                fixed("`kinitro env fetch metaworld --force` gets the assets anew")
            }
            AssetsErrorKind::OtherVersion => fixed(
                "the assets are of another MetaWorld; `kinitro env fetch metaworld --force` gets the \
                 right ones",
            ),
            _ => fixed(
                "the assets look damaged; `kinitro env fetch metaworld --force` gets them anew",
            ),
        }
    }
}

impl Hinted for FetchError {
    fn hint(&self) -> Hint {
        match self {
            Self::Folder(error) => Hinted::hint(error),
            Self::Unwritable { .. } => Some(
                format!("free some space (80 MB), or set {FOLDER_VARIABLE} to another folder")
                    .into(),
            ),
            Self::Pip(_) => fixed(
                "it needs python3 with pip (Debian and Ubuntu: apt-get install python3-pip) and a \
                 package index it can reach",
            ),
            Self::OtherWheel { .. } => fixed(
                "it was changed on its way or at its source: check the package index pip uses \
                 (`python3 -m pip config list`)",
            ),
            Self::Interrupted => None,
        }
    }
}

impl Hinted for FolderError {
    fn hint(&self) -> Hint {
        match self {
            Self::OtherEvaluation { .. } | Self::NotResults { .. } => {
                fixed("choose another --out folder")
            }
            Self::InUse { .. } => fixed("wait for it to finish, or choose another --out folder"),
            Self::Damaged { .. } => fixed(
                "the file was changed after it was written: restore it, or remove the damaged line \
                 to have its episode run again",
            ),
            _ => fixed(
                "check that the folder can be written to and the disk has space; the same command \
                 goes on where this one stopped",
            ),
        }
    }
}

impl Hinted for EvaluationError {
    fn hint(&self) -> Hint {
        match self {
            Self::Environment(error) => Hinted::hint(error),
            Self::Folder(error) => Hinted::hint(error),
            _ => None,
        }
    }
}

impl Hinted for PoolError {
    fn hint(&self) -> Hint {
        match self {
            Self::Environment(error) => Hinted::hint(error),
            _ => None,
        }
    }
}

impl Hinted for ParityError {
    fn hint(&self) -> Hint {
        match self {
            Self::Environment(error) => Hinted::hint(error),
            _ => None,
        }
    }
}

impl Hinted for SandboxError {
    fn hint(&self) -> Hint {
        match self {
            Self::Environment(error) => Hinted::hint(error),
            error => from_library(Self::hint(error)),
        }
    }
}
