export { ClientGuide } from './client-guide.tsx';
export { ClientsPage } from './clients-page.tsx';
export { LiveCheck } from './live-check.tsx';
