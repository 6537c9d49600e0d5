import { type FuseV1Config, FuseV1Options, FuseVersion } from '@electron/fuses';

/** All nine, each said: a tenth in a later Electron fails the build until it is decided about. */
export const FUSES = {
  version: FuseVersion.V1,
  strictlyRequireAllFuses: true,
  // The leash of a tunnel and ssh's way through the edge are programs of our own, run by this very binary (0021).
  [FuseV1Options.RunAsNode]: true,
  // We keep no cookies, and Chromium would take a keychain item of its own for them.
  [FuseV1Options.EnableCookieEncryption]: false,
  [FuseV1Options.EnableNodeOptionsEnvironmentVariable]: false,
  [FuseV1Options.EnableNodeCliInspectArguments]: false,
  [FuseV1Options.EnableEmbeddedAsarIntegrityValidation]: true,
  [FuseV1Options.OnlyLoadAppFromAsar]: true,
  [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
  // Pages come from app://, never from file://.
  [FuseV1Options.GrantFileProtocolExtraPrivileges]: false,
  [FuseV1Options.WasmTrapHandlers]: true,
} as const satisfies FuseV1Config;
