/** Only the pool is loaded: the whole of undici (fetch, WebSocket, caches) costs some 20 MB that nothing here uses. */
declare module 'undici/lib/dispatcher/pool.js' {
  import { Pool } from 'undici';
  export default Pool;
}
