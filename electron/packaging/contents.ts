/** What of the project is packed. Pure: the packager asks, file by file. */

/** Files of the build that only the build itself, or a checkout, has a use for. */
const LEFT_OUT = [
  /^\/dist\/(?:\.built|\.bundled(?:\/|$)|THIRD_PARTY_LICENSES$)/,
  // Of the resources the shell reads the menu's icons and, on Linux, the window's; all else is for builds and installers.
  /^\/resources\/(?!tray(?:\/|$)|icons$|icons\/drawbridge-256\.png$)/,
  // What natives are made from, and what people and compilers read.
  /^\/node_modules\/(?:.+\/)?(?:\.bin|binding\.gyp|[^/]+\.(?:md|map|d\.[cm]?ts))$/,
  /^\/node_modules\/better-sqlite3\/(?:deps|src)$/,
  /^\/node_modules\/\.(?!bin$)/,
];

/** Whether a file or folder is left out. `file` is as the packager gives it: from the project's root, `/` first, '' for the root. */
export function isLeftOut(file: string): boolean {
  if (file === '') return false;
  if (!/^\/(?:dist|resources|node_modules)(?:\/|$)|^\/package\.json$/.test(file)) return true;
  return LEFT_OUT.some((pattern) => pattern.test(file));
}

export type Target = { platform: string; arch: string };

/** Whether a native of better-sqlite3 (`prebuilds/linux-x64.node`) or of the keychain library is made for another machine than this. */
export function isForeign(file: string, { platform, arch }: Target): boolean {
  const prebuilt = /(?:^|[\\/])better-sqlite3[\\/](?:prebuilds|lib)[\\/]([a-z0-9]+-[a-z0-9]+)\.(?:node|js)$/.exec(file)?.[1];
  if (prebuilt !== undefined && /^(?:darwin|linux|linuxmusl|win32)-/.test(prebuilt)) return prebuilt !== `${platform}-${arch}`;
  const keyring = /(?:^|[\\/])@napi-rs[\\/]keyring-([a-z0-9]+-[a-z0-9]+)(?:-([a-z]+))?(?:[\\/]|$)/.exec(file);
  if (keyring === null) return false;
  return keyring[1] !== `${platform}-${arch}` || keyring[2] === 'musl';
}

/** The natives a package for this machine cannot start without. */
export function neededNatives({ platform, arch }: Target): string[] {
  const suffix = { linux: '-gnu', win32: '-msvc' }[platform] ?? '';
  return [
    `node_modules/better-sqlite3/prebuilds/${platform}-${arch}.node`,
    `node_modules/@napi-rs/keyring-${platform}-${arch}${suffix}/keyring.${platform}-${arch}${suffix}.node`,
  ];
}

/** What the packaged package.json says: what Electron reads, and what the package is. */
export function packedManifest(manifest: Record<string, unknown>): Record<string, unknown> {
  const kept = ['name', 'productName', 'version', 'description', 'license', 'type', 'main', 'desktopName', 'dependencies'];
  return Object.fromEntries(kept.flatMap((key) => (key in manifest ? [[key, manifest[key]]] : [])));
}
