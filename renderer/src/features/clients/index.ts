export { AttachClient } from './attach-client.tsx';
export { ClientGuide } from './client-guide.tsx';
export { ClientsPage } from './clients-page.tsx';
export { CreateKey } from './create-key.tsx';
export { KeysCard } from './keys-card.tsx';
export { READ_KEYS } from './rings.ts';
export { LiveCheck } from './live-check.tsx';
