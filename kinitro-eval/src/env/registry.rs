//! Finding environments by name.

use std::sync::Arc;

use globset::GlobBuilder;
use kinitro_core::EnvId;

use super::{
    Controller, Environment, EnvironmentError, EnvironmentFamily, EnvironmentSpec, nearest,
};

/// The environment families that a program knows. Add your own with [`register`](Self::register).
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

    /// The built-in families: `metaworld`, with the feature `mujoco`.
    pub fn builtin() -> Self {
        #[cfg_attr(
            not(feature = "mujoco"),
            expect(unused_mut, reason = "without MuJoCo there is no family to register")
        )]
        let mut registry = Self::empty();
        #[cfg(feature = "mujoco")]
        registry.register(super::metaworld::MetaWorld::default());
        registry
    }

    /// Adds a family, in place of an earlier one of the same name.
    pub fn register(&mut self, family: impl EnvironmentFamily + 'static) {
        self.families.retain(|known| known.name() != family.name());
        self.families.push(Arc::new(family));
    }

    /// The families, in the order in which they were added.
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

    /// The environments that a name, a family's [alias](EnvironmentFamily::aliases) or a glob
    /// stands for: `metaworld/reach-v3`, `metaworld/MT10`, `metaworld/p*`, `*/*`. A glob gives them
    /// in the registry's order, a group in its own.
    ///
    /// # Errors
    /// [`EnvironmentError::UnknownEnvironment`] with the nearest names when it stands for none.
    pub fn resolve(&self, pattern: &str) -> Result<Vec<EnvId>, EnvironmentError> {
        if let Some(ids) = self.alias(pattern) {
            return Ok(ids);
        }
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        let matches: Vec<EnvId> = match glob {
            Ok(glob) => {
                let matcher = glob.compile_matcher();
                let ids = self.env_ids().into_iter();
                ids.filter(|id| matcher.is_match(id.as_str())).collect()
            }
            Err(_) => Vec::new(),
        };
        if matches.is_empty() { Err(self.unknown(pattern)) } else { Ok(matches) }
    }

    /// What an environment is, without making it.
    ///
    /// # Errors
    /// [`EnvironmentError::UnknownEnvironment`] with the nearest names.
    pub fn spec(&self, id: &EnvId) -> Result<EnvironmentSpec, EnvironmentError> {
        let (family, task) = self.find(id)?;
        family.spec(&task)
    }

    /// A new environment.
    ///
    /// # Errors
    /// [`EnvironmentError::UnknownEnvironment`] with the nearest names, or what
    /// [`EnvironmentFamily::make`] says.
    pub fn make(&self, id: &EnvId) -> Result<Box<dyn Environment>, EnvironmentError> {
        let (family, task) = self.find(id)?;
        family.make(&task)
    }

    /// The scripted expert of an environment, where there is one.
    pub fn expert(&self, id: &EnvId) -> Option<Box<dyn Controller>> {
        let (family, task) = self.find(id).ok()?;
        family.expert(&task)
    }

    /// The family that has the environment.
    ///
    /// # Errors
    /// [`EnvironmentError::UnknownEnvironment`] with the nearest names.
    pub fn family(&self, id: &EnvId) -> Result<&dyn EnvironmentFamily, EnvironmentError> {
        Ok(self.find(id)?.0)
    }

    /// The family that has the environment, and what the family itself calls it.
    fn find(&self, id: &EnvId) -> Result<(&dyn EnvironmentFamily, String), EnvironmentError> {
        let alias = self.alias(id.as_str());
        let own = match alias.as_deref() {
            Some([one]) => one,
            _ => id,
        };
        let family = self.families.iter().find(|family| family.name() == own.family());
        match family {
            Some(family) if family.tasks().iter().any(|task| task == own.task()) => {
                Ok((family.as_ref(), own.task().to_owned()))
            }
            _ => Err(self.unknown(id.as_str())),
        }
    }

    /// The environments that a family's further name stands for.
    fn alias(&self, name: &str) -> Option<Vec<EnvId>> {
        let (family, name) = name.split_once('/')?;
        let family = self.families.iter().find(|known| known.name() == family)?;
        let (_, tasks) = family.aliases().into_iter().find(|(alias, _)| alias == name)?;
        Some(tasks.iter().filter_map(|task| EnvId::new(family.name(), task).ok()).collect())
    }

    fn unknown(&self, name: &str) -> EnvironmentError {
        let mut known: Vec<String> = self.env_ids().iter().map(EnvId::to_string).collect();
        for family in self.families() {
            let aliases = family.aliases().into_iter();
            known.extend(aliases.map(|(alias, _)| format!("{}/{alias}", family.name())));
        }
        let nearest = nearest(name, known.iter().map(String::as_str));
        EnvironmentError::UnknownEnvironment { name: name.to_owned(), nearest }
    }
}
