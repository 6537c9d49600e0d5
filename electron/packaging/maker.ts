import path from 'node:path';
import { MakerBase, type MakerOptions } from '@electron-forge/maker-base';
import type { ForgePlatform } from '@electron-forge/shared-types';
import { Arch, archFromString, build, type Configuration, Platform } from 'electron-builder';
import { publisherFrom } from './publisher.ts';
import { root } from './shared.ts';

/** What is made of the packaged app, by system. */
const INSTALLERS = {
  darwin: { platform: Platform.MAC, targets: ['dmg', 'zip'] },
  win32: { platform: Platform.WINDOWS, targets: ['nsis'] },
  linux: { platform: Platform.LINUX, targets: ['AppImage', 'deb'] },
} as const;

const isOurs = (platform: string): platform is keyof typeof INSTALLERS => platform in INSTALLERS;

const publisher = publisherFrom(process.env);

/** How electron-builder makes installers. Only what it does with a finished app counts: all else was done by Forge. */
const INSTALLER_CONFIG: Configuration = {
  appId: 'drawbridge.desktop',
  productName: 'Drawbridge',
  artifactName: 'drawbridge-${version}-${os}-${arch}.${ext}',
  extraMetadata: { homepage: publisher.homepage },
  publish: null,
  mac: { category: 'public.app-category.developer-tools', icon: 'resources/icons/drawbridge.icns' },
  // The app inside was signed by Forge; the image around it holds nothing that runs.
  dmg: { sign: false, writeUpdateInfo: false },
  win: { icon: 'resources/icons/drawbridge.ico' },
  // For one user, without asking for an administrator: all that Drawbridge holds belongs to one user.
  nsis: { oneClick: true, perMachine: false, deleteAppDataOnUninstall: false, differentialPackage: false },
  linux: {
    executableName: 'drawbridge',
    icon: 'resources/icons',
    category: 'Development',
    synopsis: 'Use the AI subscriptions you pay for, from every tool',
    maintainer: publisher.maintainer,
    mimeTypes: ['x-scheme-handler/drawbridge'],
    // The name of the .desktop file is package.json's desktopName: only so a window is grouped with its launcher.
    syncDesktopName: true,
    desktop: { entry: { StartupNotify: 'false', Keywords: 'AI;LLM;proxy;Codex;Copilot;' } },
  },
};

type Packed = Pick<MakerOptions, 'dir' | 'makeDir' | 'appName' | 'targetPlatform' | 'targetArch'>;

/**
 * Hands the app Forge packaged (and signed) to electron-builder, which makes its installers and changes nothing in it.
 * Other `targets` than the installers are for tests: `dir` makes none, and so needs none of the tools it would download.
 */
export async function makeInstallers(packed: Packed, targets?: readonly string[]): Promise<string[]> {
  if (!isOurs(packed.targetPlatform)) throw new Error(`There are no installers for ${packed.targetPlatform}.`);
  const installers = INSTALLERS[packed.targetPlatform];
  const arch = archFromString(packed.targetArch);
  return build({
    projectDir: root,
    // On macOS the app is the bundle itself.
    prepackaged: packed.targetPlatform === 'darwin' ? path.join(packed.dir, `${packed.appName}.app`) : packed.dir,
    targets: installers.platform.createTarget([...(targets ?? installers.targets)], arch),
    publish: 'never',
    config: { ...INSTALLER_CONFIG, directories: { output: path.join(packed.makeDir, `${packed.targetPlatform}-${Arch[arch]}`) } },
  });
}

export class InstallerMaker extends MakerBase<Record<string, never>> {
  override name = 'electron-builder';
  override defaultPlatforms: ForgePlatform[] = ['darwin', 'win32', 'linux'];

  override isSupportedOnCurrentPlatform(): boolean {
    return true;
  }

  override make(options: MakerOptions): Promise<string[]> {
    return makeInstallers(options);
  }
}
