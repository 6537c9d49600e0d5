export { BridgesPage } from './bridges-page.tsx';
