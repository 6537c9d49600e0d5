import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { extractAll } from '@electron/asar';
import { makeStubElectron } from './stub-electron.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

export type PackagedApp = {
  /** The folder Forge made: the program, resources and licences. */
  folder: string;
  archive: string;
  /** The archive's content as files, natives among them: what runs without Electron's own look into archives. */
  unpacked: string;
  /** Where further things can be made of it; goes with it. */
  temporary: string;
  clear(): void;
};

/** Runs `npm run package` for real, on the build as it is, with a stand-in for Electron's binary. Linux only. */
export async function packageApp(args: readonly string[] = ['package']): Promise<PackagedApp> {
  const temporary = mkdtempSync(path.join(os.tmpdir(), 'drawbridge-package-'));
  const clear = (): void => rmSync(temporary, { recursive: true, force: true });
  try {
    const env = { ...process.env, FORGE_ELECTRON_ZIP_DIR: makeStubElectron(temporary), DRAWBRIDGE_OUT: path.join(temporary, 'out') };
    await promisify(execFile)(process.execPath, [path.join(ROOT, 'scripts/package.mjs'), ...args], { env, cwd: ROOT });
    const folder = path.join(temporary, 'out', `Drawbridge-linux-${process.arch}`);
    const archive = path.join(folder, 'resources', 'app.asar');
    const unpacked = path.join(temporary, 'unpacked');
    extractAll(archive, unpacked);
    return { folder, archive, unpacked, temporary, clear };
  } catch (error) {
    clear();
    throw error;
  }
}
