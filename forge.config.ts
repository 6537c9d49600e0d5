import { FusesPlugin } from '@electron-forge/plugin-fuses';
import type { ForgeConfig } from '@electron-forge/shared-types';
import { isLeftOut, packedManifest } from './electron/packaging/contents.ts';
import { FUSES } from './electron/packaging/fuses.ts';
import { InstallerMaker } from './electron/packaging/maker.ts';
import { pruneApp } from './electron/packaging/prune.ts';
import { signingFrom } from './electron/packaging/signing.ts';

const { env } = process;

/** The one packaging file. It packs `dist/` as the build made it and the tests ran it (docs/decisions/0021). */
const config: ForgeConfig = {
  ...(env['DRAWBRIDGE_OUT'] === undefined ? {} : { outDir: env['DRAWBRIDGE_OUT'] }),
  packagerConfig: {
    name: 'Drawbridge',
    executableName: process.platform === 'linux' ? 'drawbridge' : 'Drawbridge',
    appBundleId: 'drawbridge.desktop',
    appCategoryType: 'public.app-category.developer-tools',
    icon: 'resources/icons/drawbridge',
    // A native is opened by the system, which can't look into the archive.
    asar: { unpack: '**/*.node' },
    prune: true,
    ignore: isLeftOut,
    sanitizePackageJson: [packedManifest],
    extraResource: ['dist/THIRD_PARTY_LICENSES'],
    // Lives in the menu bar; the shell shows a dock icon while its window is open.
    extendInfo: { LSUIElement: true },
    protocols: [{ name: 'Drawbridge', schemes: ['drawbridge'] }],
    win32metadata: { CompanyName: 'Drawbridge', FileDescription: 'Drawbridge' },
    ...(env['FORGE_ELECTRON_ZIP_DIR'] === undefined ? {} : { electronZipDir: env['FORGE_ELECTRON_ZIP_DIR'] }),
    ...signingFrom(env),
  },
  // Our natives are N-API and come built for every system.
  rebuildConfig: { onlyModules: [] },
  hooks: {
    packageAfterCopy: (_config, app, _electron, platform, arch) => pruneApp(app, { platform, arch }),
  },
  plugins: [new FusesPlugin(FUSES)],
  makers: [new InstallerMaker()],
};

export default config;
