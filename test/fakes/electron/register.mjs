// node --import register.mjs main.mjs: makes `electron` the fake, for a bundle that is run as it was built.
import { registerHooks } from 'node:module';

const fake = new URL('./index.ts', import.meta.url).href;
registerHooks({
  resolve: (specifier, context, next) =>
    /^electron(?:\/main)?$/.test(specifier) ? { url: fake, shortCircuit: true } : next(specifier, context),
});
// The shell asks which system it runs on; the fake can stand for each.
if (process.env.FAKE_ELECTRON_PLATFORM) Object.defineProperty(process, 'platform', { value: process.env.FAKE_ELECTRON_PLATFORM });
