/** The look that every dialog shares. */
export const BACKDROP = 'fixed inset-0 z-40 bg-black/35 transition-opacity data-ending-style:opacity-0 data-starting-style:opacity-0';
export const POPUP =
  'fixed top-[18vh] left-1/2 z-50 grid w-[27rem] max-w-[calc(100vw-2rem)] -translate-x-1/2 gap-4 rounded-xl border bg-raised p-5 shadow-2xl outline-none transition-opacity data-ending-style:opacity-0 data-starting-style:opacity-0';
