/** Query options of what tells of the last hours: it is asked for anew while it is to be seen, since hours pass without an event. */
export const EACH_MINUTE = { refetchInterval: 60_000 };
