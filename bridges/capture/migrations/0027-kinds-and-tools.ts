import type { Migration } from '../migrate.ts';

/** What kind of request a call is, and how many tools its reply called. Of calls that were stored before nobody knows. */
export const kindsAndTools: Migration = {
  id: 27,
  name: 'kinds and tools',
  up(db) {
    db.exec(`
      alter table calls add column tool_calls integer;

      create table usage_sums (
        hour integer not null,
        client integer not null,
        caller integer not null,
        model integer not null,
        bridge integer not null,
        account integer not null,
        billing integer not null,
        kind integer not null,
        calls integer not null,
        errors integer not null,
        uncounted integer not null,
        input integer,
        cached integer,
        cache_write integer,
        output integer,
        reasoning integer,
        tool_calls integer,
        timed integer not null,
        ttfb_ms real not null,
        duration_ms real not null,
        primary key (hour, client, caller, model, bridge, account, billing, kind)
      ) strict, without rowid;
      insert into usage_sums select hour, client, caller, model, bridge, account, billing, 0, calls, errors, uncounted,
        input, cached, cache_write, output, reasoning, null, timed, ttfb_ms, duration_ms from usage_hours;
      drop table usage_hours;
      alter table usage_sums rename to usage_hours;
    `);
  },
};
