/**
 * A client has a limited time to send a request. Node's own limits are generous (a minute for the headers, looked at
 * every half minute), and its check interval can only be given when the server is made:
 * `http.createServer(SERVER_OPTIONS, app)`. None of them touches an open stream: that request has been received.
 */
import { KIB, SECOND } from '../clock.js';

export const SERVER_OPTIONS = Object.freeze({
  /** A longer time lets more slow senders in at once; shorter cuts off phones on a bad link. */
  headersTimeout: 10 * SECOND,
  /** This time is for headers and body together. */
  requestTimeout: 30 * SECOND,
  connectionsCheckingInterval: 2 * SECOND,
  /** It lies above the usual 60 s of proxies in front: a shorter time closes a connection just as they use it again. */
  keepAliveTimeout: 65 * SECOND,
  maxHeaderSize: 16 * KIB,
});
