/** Tables of the usage. A dimension's value is kept once, under a number; 0 stands for none. */
export const USAGE_TABLES = `
  create table usage_names (id integer primary key, name text not null unique) strict;

  -- Sums over ended calls, by the hour they began in (hours since 1970), for each combination of what they were.
  -- Columns with counts hold the sums of those that were told; how many told none stands in uncounted.
  create table usage_hours (
    hour integer not null,
    client integer not null,
    caller integer not null,
    model integer not null,
    bridge integer not null,
    account integer not null,
    billing integer not null,
    calls integer not null,
    errors integer not null,
    uncounted integer not null,
    input integer,
    cached integer,
    cache_write integer,
    output integer,
    reasoning integer,
    timed integer not null,
    ttfb_ms real not null,
    duration_ms real not null,
    primary key (hour, client, caller, model, bridge, account, billing)
  ) strict, without rowid;

  -- The account a bridge used for a call, and how it is paid for.
  create table usage_accounts (call integer primary key, account integer not null, billing integer not null) strict;

  -- What a bridge's provider said of its limits. A row for each time a window said something new.
  create table usage_quotas (
    id integer primary key,
    at_ms integer not null,
    bridge text not null,
    account text,
    plan text,
    window text not null,
    used_percent real,
    minutes real,
    resets_ms integer
  ) strict;
  create index usage_quotas_by_time on usage_quotas (at_ms);
  create index usage_quotas_by_window on usage_quotas (bridge, window, id);
`;
