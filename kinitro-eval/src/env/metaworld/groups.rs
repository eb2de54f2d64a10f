//! Names that stand for other tasks: groups that results are reported over, and one short form.

/// Each further name with the tasks it stands for, in the order of its source.
pub(super) static ALIASES: &[(&str, &[&str])] = &[
    ("peg-insert-v3", &["peg-insert-side-v3"]),
    // The package's benchmark of ten tasks that one policy learns at once.
    (
        "MT10",
        &[
            "reach-v3",
            "push-v3",
            "pick-place-v3",
            "door-open-v3",
            "drawer-open-v3",
            "drawer-close-v3",
            "button-press-topdown-v3",
            "peg-insert-side-v3",
            "window-open-v3",
            "window-close-v3",
        ],
    ),
    // The tasks that the package's largest benchmark of adaptation holds back.
    (
        "ML45-test",
        &["bin-picking-v3", "box-close-v3", "hand-insert-v3", "door-lock-v3", "door-unlock-v3"],
    ),
    // Our own: one or two of each kind of motion, to learn something about a policy quickly.
    (
        "core",
        &[
            "reach-v3",
            "push-v3",
            "pick-place-v3",
            "door-open-v3",
            "drawer-open-v3",
            "drawer-close-v3",
            "button-press-topdown-v3",
            "peg-insert-side-v3",
        ],
    ),
];

/// The name of the group of all tasks.
pub(super) const ALL: &str = "MT50";
