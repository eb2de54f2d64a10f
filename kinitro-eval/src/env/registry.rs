//! Finding environments by name.

use std::sync::Arc;

use globset::GlobBuilder;
use kinitro_core::EnvId;

use super::{
    Controller, Environment, EnvironmentError, EnvironmentFamily, EnvironmentSpec, nearest,
};

/// The families a program knows, to which anybody may add their own.
#[derive(Clone, Default)]
pub struct Registry {
    families: Vec<Arc<dyn EnvironmentFamily>>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.families.iter().map(|family| family.name())).finish()
    }
}

impl Registry {
    /// A registry without any family.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The families that come with this crate: `metaworld` where the feature `mujoco` is on.
    pub fn builtin() -> Self {
        #[cfg_attr(not(feature = "mujoco"), expect(unused_mut))]
        let mut registry = Self::empty();
        #[cfg(feature = "mujoco")]
        registry.register(super::metaworld::MetaWorld::default());
        registry
    }

    /// Adds a family. One of the same name that was there before is replaced.
    pub fn register(&mut self, family: impl EnvironmentFamily + 'static) {
        self.families.retain(|known| known.name() != family.name());
        self.families.push(Arc::new(family));
    }

    /// The families, in the order they were added.
    pub fn families(&self) -> impl Iterator<Item = &dyn EnvironmentFamily> {
        self.families.iter().map(AsRef::as_ref)
    }

    /// The ids of all environments, family by family.
    pub fn env_ids(&self) -> Vec<EnvId> {
        let ids = self.families.iter().flat_map(|family| {
            let ids = family.tasks().into_iter().map(|task| EnvId::new(family.name(), &task));
            ids.collect::<Vec<_>>()
        });
        ids.filter_map(Result::ok).collect()
    }

    /// The environments that a name or a glob stands for, in the registry's order:
    /// `metaworld/reach-v3`, `metaworld/p*`, `*/*`.
    ///
    /// # Errors
    /// [`EnvironmentError::UnknownEnvironment`] with the nearest names when it stands for none.
    pub fn resolve(&self, pattern: &str) -> Result<Vec<EnvId>, EnvironmentError> {
        let all = self.env_ids();
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        let matches: Vec<EnvId> = match glob {
            Ok(glob) => {
                let matcher = glob.compile_matcher();
                all.iter().filter(|id| matcher.is_match(id.as_str())).cloned().collect()
            }
            Err(_) => Vec::new(),
        };
        if matches.is_empty() {
            let nearest = nearest(pattern, all.iter().map(EnvId::as_str));
            return Err(EnvironmentError::UnknownEnvironment { name: pattern.to_owned(), nearest });
        }
        Ok(matches)
    }

    /// What an environment is, without making it.
    ///
    /// # Errors
    /// [`EnvironmentError::UnknownEnvironment`] with the nearest names.
    pub fn spec(&self, id: &EnvId) -> Result<EnvironmentSpec, EnvironmentError> {
        self.family(id)?.spec(id.task())
    }

    /// A new environment.
    ///
    /// # Errors
    /// [`EnvironmentError::UnknownEnvironment`] with the nearest names, or what
    /// [`EnvironmentFamily::make`] says.
    pub fn make(&self, id: &EnvId) -> Result<Box<dyn Environment>, EnvironmentError> {
        self.family(id)?.make(id.task())
    }

    /// The scripted controller of an environment, where there is one.
    pub fn expert(&self, id: &EnvId) -> Option<Box<dyn Controller>> {
        self.family(id).ok()?.expert(id.task())
    }

    /// The family that has the environment.
    ///
    /// # Errors
    /// [`EnvironmentError::UnknownEnvironment`] with the nearest names.
    pub fn family(&self, id: &EnvId) -> Result<&dyn EnvironmentFamily, EnvironmentError> {
        let family = self.families.iter().find(|family| family.name() == id.family());
        match family {
            Some(family) if family.tasks().iter().any(|task| task == id.task()) => {
                Ok(family.as_ref())
            }
            _ => {
                let all = self.env_ids();
                let nearest = nearest(id.as_str(), all.iter().map(EnvId::as_str));
                Err(EnvironmentError::UnknownEnvironment { name: id.to_string(), nearest })
            }
        }
    }
}
