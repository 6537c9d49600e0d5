import type { Migration } from '../migrate.ts';

/** The first schema: calls, the bodies of their sides, and the segments that bodies share. */
export const calls: Migration = {
  id: 1,
  name: 'calls',
  up: (db) => void db.exec(SCHEMA),
};

const SCHEMA = `
  create table calls (
    id integer primary key,
    started_ms integer not null,
    state integer not null,
    client text not null,
    client_version text,
    caller text,
    method text not null,
    path text not null,
    route text,
    upstream text,
    wire_in text,
    wire_out text,
    model_requested text,
    model_used text,
    status integer,
    streamed integer not null,
    ttfb_ms real,
    duration_ms real,
    request_bytes integer not null,
    reply_bytes integer not null,
    tokens_input integer,
    tokens_cached integer,
    tokens_cache_write integer,
    tokens_output integer,
    tokens_reasoning integer,
    lost text,
    error text
  ) strict;
  create index calls_by_client on calls (client);
  create index calls_by_caller on calls (caller);
  create index calls_by_upstream on calls (upstream);
  create index calls_by_model on calls (model_requested);
  create index calls_failed on calls (id) where status >= 400 or state = 2;
  create index calls_open on calls (id) where state = 0;

  -- One row a side of an exchange. form: 0 the body itself, 1 a recipe of segments; both zstd where packed is 1.
  create table bodies (
    id integer primary key,
    call integer not null references calls (id) on delete cascade,
    side text not null,
    headers text not null,
    bytes integer not null,
    form integer not null,
    packed integer not null,
    data blob,
    unique (call, side)
  ) strict;

  create table timelines (
    call integer primary key references calls (id) on delete cascade,
    points blob not null
  ) strict;

  -- Each message of each conversation once, by the first 16 bytes of its SHA-256.
  create table segments (
    id integer primary key,
    hash blob not null unique,
    bytes integer not null,
    packed integer not null,
    data blob not null
  ) strict;
`;
