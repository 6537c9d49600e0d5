export { TunnelsPage } from './tunnels-page.tsx';
