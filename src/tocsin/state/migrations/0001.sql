CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE cursors (
    source TEXT PRIMARY KEY,
    cursor TEXT NOT NULL,
    memory TEXT NOT NULL,
    zone TEXT NOT NULL,
    began TEXT
) WITHOUT ROWID;

CREATE TABLE seen (
    rule TEXT NOT NULL,
    key TEXT NOT NULL,
    src TEXT NOT NULL,
    first TEXT NOT NULL,
    last TEXT NOT NULL,
    events INTEGER NOT NULL,
    attack TEXT,
    named INTEGER NOT NULL,
    times TEXT NOT NULL,
    ports TEXT NOT NULL,
    spts TEXT NOT NULL,
    mac TEXT NOT NULL,
    opening_file TEXT NOT NULL,
    opening_offset INTEGER NOT NULL,
    closing_file TEXT NOT NULL,
    closing_offset INTEGER NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (rule, key)
) WITHOUT ROWID;

CREATE TABLE past AS SELECT * FROM seen;

CREATE INDEX past_attack ON past (rule, attack);

CREATE TABLE attacks (
    rule TEXT NOT NULL,
    start TEXT NOT NULL,
    last TEXT NOT NULL,
    events INTEGER NOT NULL,
    beyond INTEGER NOT NULL,
    error INTEGER NOT NULL,
    bitmap BLOB NOT NULL DEFAULT x'',
    told TEXT NOT NULL DEFAULT '',
    open INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (rule, start)
);

CREATE TABLE counts (
    rule TEXT NOT NULL,
    key TEXT NOT NULL,
    slot INTEGER NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (slot, rule, key)
) WITHOUT ROWID;

CREATE TABLE gaps (
    source TEXT NOT NULL,
    since TEXT,
    until TEXT,
    size INTEGER,
    why TEXT NOT NULL,
    at TEXT NOT NULL
);

CREATE TABLE notifications (
    id TEXT NOT NULL,
    receiver TEXT NOT NULL,
    reason TEXT NOT NULL,
    at TEXT NOT NULL,
    message BLOB,
    PRIMARY KEY (id, receiver)
);

CREATE TABLE mentions (
    id TEXT NOT NULL,
    rule TEXT NOT NULL,
    attack TEXT NOT NULL,
    before TEXT NOT NULL,
    named TEXT NOT NULL,
    PRIMARY KEY (rule, attack, id)
) WITHOUT ROWID;

CREATE INDEX mentions_id ON mentions (id);

CREATE TABLE deliveries (
    id TEXT NOT NULL,
    receiver TEXT NOT NULL,
    recipient TEXT NOT NULL,
    since TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next TEXT NOT NULL,
    permanent INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    accepted TEXT,
    PRIMARY KEY (id, receiver, recipient)
) WITHOUT ROWID;

CREATE INDEX deliveries_waiting ON deliveries (next) WHERE accepted IS NULL;
