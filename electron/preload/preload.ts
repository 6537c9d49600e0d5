import { contextBridge, ipcRenderer } from 'electron';
import { CHANNEL, type ShellBridge, type ShellMessage } from '../../bridges/contract/port.ts';

/** All a window is given: ways to ask for the engine and for a page, and messages of its own that carry what the shell has to say. */
contextBridge.exposeInMainWorld('drawbridge', {
  connect: () => ipcRenderer.send(CHANNEL.connect),
  show: (path) => ipcRenderer.send(CHANNEL.open, path),
} satisfies ShellBridge);

const tell = (message: ShellMessage, ports: MessagePort[]): void => window.postMessage(message, location.origin, ports);
ipcRenderer.on(CHANNEL.port, ({ ports }) => tell({ type: CHANNEL.port }, ports));
ipcRenderer.on(CHANNEL.show, (_event, path: string) => tell({ type: CHANNEL.show, path }, []));
