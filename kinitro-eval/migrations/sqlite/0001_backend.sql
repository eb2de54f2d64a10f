-- Times are milliseconds since 1970.

CREATE TABLE evaluation_cycles (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    block_number INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed')),
    started_at INTEGER NOT NULL,
    completed_at INTEGER,
    n_miners INTEGER NOT NULL,
    n_environments INTEGER NOT NULL,
    episodes_per_env INTEGER NOT NULL,
    seed_mode TEXT NOT NULL CHECK (seed_mode IN ('paired', 'per-task')),
    -- The secret that seeds grow from, and its SHA-256; the secret is shown once the cycle is over.
    seed_secret TEXT NOT NULL,
    seed_commitment TEXT NOT NULL,
    -- What the scheduler needs to go on with the cycle, and what it says about its end: JSON.
    settings TEXT NOT NULL,
    report TEXT,
    failure TEXT
);

-- One cycle runs at a time, whatever schedulers do.
CREATE UNIQUE INDEX evaluation_cycles_running ON evaluation_cycles (status) WHERE status = 'running';

-- The miners of a cycle as they were when it began.
CREATE TABLE cycle_miners (
    cycle_id INTEGER NOT NULL REFERENCES evaluation_cycles (id) ON DELETE CASCADE,
    uid INTEGER NOT NULL,
    hotkey TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    repo TEXT NOT NULL,
    revision TEXT NOT NULL,
    first_block INTEGER,
    PRIMARY KEY (cycle_id, uid)
);

CREATE TABLE task_pool (
    task_uuid TEXT PRIMARY KEY,
    cycle_id INTEGER NOT NULL,
    -- The order in which the tasks of the cycle are handed out.
    position INTEGER NOT NULL,
    miner_uid INTEGER NOT NULL,
    env_id TEXT NOT NULL,
    episode INTEGER NOT NULL,
    -- The 64 bits of the seed as a signed number.
    seed INTEGER NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'assigned', 'completed', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    available_at INTEGER NOT NULL,
    executor_id TEXT,
    lease_token TEXT,
    lease_expires_at INTEGER,
    -- The last answer: under which lease, by whom, and the digest that a repetition is known by.
    answer_token TEXT,
    answer_executor TEXT,
    answer_digest TEXT,
    finished_at INTEGER,
    outcome TEXT,
    success BOOLEAN,
    score REAL,
    total_reward REAL,
    timesteps INTEGER,
    error TEXT,
    verification_passed BOOLEAN,
    verification_score REAL,
    UNIQUE (cycle_id, position),
    FOREIGN KEY (cycle_id, miner_uid) REFERENCES cycle_miners (cycle_id, uid) ON DELETE CASCADE
);

CREATE INDEX task_pool_pending ON task_pool (cycle_id, position) WHERE status = 'pending';
CREATE INDEX task_pool_assigned ON task_pool (lease_expires_at) WHERE status = 'assigned';

CREATE TABLE miner_scores (
    cycle_id INTEGER NOT NULL REFERENCES evaluation_cycles (id) ON DELETE CASCADE,
    uid INTEGER NOT NULL,
    hotkey TEXT NOT NULL,
    env_id TEXT NOT NULL,
    success_rate REAL NOT NULL,
    mean_reward REAL NOT NULL,
    episodes_completed INTEGER NOT NULL,
    episodes_failed INTEGER NOT NULL,
    PRIMARY KEY (cycle_id, uid, env_id)
);

CREATE INDEX miner_scores_hotkey ON miner_scores (hotkey, cycle_id);

CREATE TABLE computed_weights (
    cycle_id INTEGER PRIMARY KEY REFERENCES evaluation_cycles (id) ON DELETE CASCADE,
    block_number INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    -- JSON: lists of the same length and order, the frontier's uids, and the method's name and options.
    uids TEXT NOT NULL,
    weights TEXT NOT NULL,
    weights_u16 TEXT NOT NULL,
    pareto_frontier TEXT NOT NULL,
    method TEXT NOT NULL
);

CREATE INDEX computed_weights_block ON computed_weights (block_number);

-- Everybody who was ever seen with a commitment.
CREATE TABLE miners (
    hotkey TEXT PRIMARY KEY,
    uid INTEGER NOT NULL,
    endpoint TEXT,
    endpoint_sealed BOOLEAN NOT NULL,
    repo TEXT NOT NULL,
    revision TEXT NOT NULL,
    first_block INTEGER,
    active BOOLEAN NOT NULL,
    updated_at INTEGER NOT NULL
);

-- What the scheduler last said of itself: one row.
CREATE TABLE scheduler_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    current_block INTEGER NOT NULL,
    next_cycle_at INTEGER,
    environments TEXT NOT NULL,
    updated_at INTEGER NOT NULL
);
