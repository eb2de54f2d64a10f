//! The environments that arguments name, and how their model files are fetched.

pub(crate) mod fetch;

use kinitro_core::EnvId;
use kinitro_eval::Registry;
use kinitro_eval::env::metaworld::{MetaWorld, Pictures};

use crate::args::PicturesArgument;
use crate::failure::Failure;

/// The environments there are, with their pictures drawn as asked for.
pub(crate) fn registry(pictures: PicturesArgument) -> Registry {
    let pictures = match pictures {
        PicturesArgument::Fast => Pictures::Fast,
        PicturesArgument::Exact => Pictures::Exact,
    };
    let mut registry = Registry::builtin();
    registry.register(MetaWorld::default().pictures(pictures));
    registry
}

/// The patterns of a list. Commas within braces belong to a pattern: `a/{b,c}-v3,a/d-v3` has two.
pub(crate) fn patterns(list: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    list.split(move |character| {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    })
}

/// The environments of those families that those patterns stand for, each once.
pub(crate) fn env_ids(
    registry: &Registry,
    families: Option<&[String]>,
    lists: &[String],
) -> Result<Vec<EnvId>, Failure> {
    let known: Vec<&str> = registry.families().map(|family| family.name()).collect();
    // A variable that is set to nothing asks for nothing.
    let named = |name: &&str| !name.is_empty();
    let families = families
        .map(|names| names.iter().map(|name| name.trim()).filter(named).collect::<Vec<_>>())
        .filter(|names| !names.is_empty());
    let lists: Vec<&str> = lists.iter().map(|list| list.trim()).filter(named).collect();
    let unknown = families.iter().flatten().find(|name| !known.contains(name));
    if let Some(unknown) = unknown {
        let message = format!("`{unknown}` is no family of environments");
        return Err(Failure::usage(message).hint(format_args!("there are: {}", known.join(", "))));
    }
    let mut env_ids = Vec::new();
    if lists.is_empty() {
        env_ids = registry.env_ids();
    }
    for pattern in lists.into_iter().flat_map(patterns) {
        for env_id in registry.resolve(pattern.trim())? {
            if !env_ids.contains(&env_id) {
                env_ids.push(env_id);
            }
        }
    }
    env_ids.retain(|id| families.as_ref().is_none_or(|names| names.contains(&id.family())));
    Ok(env_ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_within_braces_do_not_separate() {
        let split = |list| patterns(list).collect::<Vec<_>>();
        assert_eq!(split("a/b,c/*"), ["a/b", "c/*"]);
        assert_eq!(split("a/{b,c}-v3,a/d"), ["a/{b,c}-v3", "a/d"]);
        assert_eq!(split("a/{b,{c,d}},e"), ["a/{b,{c,d}}", "e"]);
        assert_eq!(split("a}/b,c"), ["a}/b", "c"]);
        assert_eq!(split(""), [""]);
    }
}
