export { ConversationsPage } from './conversations-page.tsx';
export { ConversationPage } from './conversation-page.tsx';
