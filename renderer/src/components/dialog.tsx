/** The look that every dialog shares. What fades out takes no press: it would be meant for what lies below. */
const FADING = 'transition-opacity data-closed:pointer-events-none data-ending-style:opacity-0 data-starting-style:opacity-0';
export const BACKDROP = `fixed inset-0 z-40 bg-black/35 ${FADING}`;
/** The box of every dialog, wherever it stands and whatever its size. */
export const BOX = `fixed left-1/2 z-50 max-w-[calc(100vw-2rem)] -translate-x-1/2 rounded-xl border bg-raised shadow-2xl outline-none ${FADING}`;
export const POPUP = `${BOX} top-[18vh] grid w-[27rem] gap-4 p-5`;
