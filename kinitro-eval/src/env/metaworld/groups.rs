//! Aliases: groups of tasks that results are reported over, and one short form.

/// Each alias with the tasks it stands for, in the order of its source.
pub(super) static ALIASES: &[(&str, &[&str])] = &[
    ("peg-insert-v3", &["peg-insert-side-v3"]),
    // The package's multi-task benchmark of ten tasks.
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
    // The held-out tasks of the package's largest meta-learning benchmark.
    (
        "ML45-test",
        &["bin-picking-v3", "box-close-v3", "hand-insert-v3", "door-lock-v3", "door-unlock-v3"],
    ),
    // Our own: one or two tasks for each kind of motion, for a quick impression of a policy.
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
