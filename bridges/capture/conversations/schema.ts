/** Tables of the conversations. Chains and prompts are the first 12 bytes of a SHA-256. */
export const CONVERSATION_TABLES = `
  -- A line of a client's session: the session itself (thread is empty), or a sub-agent in it.
  create table conv_threads (
    id integer primary key,
    session text not null,
    thread text not null,
    cwd text,
    git_branch text,
    git_origin text,
    git_commit text,
    unique (session, thread)
  ) strict;

  -- One row a call. via: how it was linked (link.ts). flags: 1 a side request, 2 asks for a summary, 4 a root.
  -- ends: the chains its history may branch off from, 13 bytes each: a chain, and 1 where it holds an answer.
  create table conv_nodes (
    call integer primary key,
    conversation integer not null,
    parent integer,
    via integer not null,
    flags integer not null,
    tip blob not null,
    deep integer not null,
    steps integer not null,
    ends blob not null,
    thread integer,
    parent_thread integer,
    prompt blob,
    title text,
    system_bytes integer not null,
    tools_bytes integer not null,
    history_bytes integer not null,
    results_bytes integer not null
  ) strict;
  create index conv_nodes_by_conversation on conv_nodes (conversation, call);
  create index conv_nodes_by_tip on conv_nodes (tip, call);
  create index conv_nodes_by_thread on conv_nodes (thread, call) where thread is not null;
  create index conv_nodes_by_parent_thread on conv_nodes (parent_thread, call) where parent_thread is not null;
  create index conv_nodes_by_prompt on conv_nodes (prompt, call) where prompt is not null;

  -- Which calls have a history that may branch off from a chain.
  create table conv_ends (chain blob not null, call integer not null, primary key (chain, call)) strict, without rowid;

  -- Tool calls of replies that asked for a sub-task, by their prompt; ended_ms counts from the ids' epoch.
  create table conv_spawns (prompt blob not null, call integer not null, ended_ms integer not null, primary key (prompt, call)) strict, without rowid;

  -- Lines of summaries, and lines of histories that look like one was put into them.
  create table conv_summaries (line blob not null, call integer not null, primary key (line, call)) strict, without rowid;
  create table conv_lines (call integer not null, line blob not null, primary key (call, line)) strict, without rowid;
  create index conv_lines_by_line on conv_lines (line, call);

  create table conversations (id integer primary key, last_call integer not null) strict;
  create index conversations_by_last on conversations (last_call, id);
`;
