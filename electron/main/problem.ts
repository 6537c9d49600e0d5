import { dialog } from 'electron';

/** Tells that the engine can't be started, in a window of the system's own, which needs nothing of ours to work. */
export async function askAboutEngine(message: string): Promise<'retry' | 'quit'> {
  const { response } = await dialog.showMessageBox({
    type: 'error',
    title: 'Drawbridge',
    message: 'Drawbridge can’t start its engine',
    detail: message,
    buttons: ['Try again', 'Quit'],
    defaultId: 0,
    cancelId: 1,
    noLink: true,
  });
  return response === 0 ? 'retry' : 'quit';
}

/** Tells that what was asked for in the menu did not work. */
export function tellProblem(message: string): void {
  void dialog.showMessageBox({ type: 'warning', title: 'Drawbridge', message: 'That did not work', detail: message, buttons: ['OK'] });
}
