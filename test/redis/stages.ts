/** One Redis server for a file of tests, and replicas on it of each test's own. */
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { RedisServer } from '../support/redis-server.js';
import { Stage } from './replicas.js';

/** @param use is given the stage of the test that begins, and the server that all tests share */
export function stageForEach(use: (stage: Stage, server: RedisServer) => void): void {
  let server: RedisServer;
  let stage: Stage;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    stage = new Stage(server.port);
    use(stage, server);
  });
  afterEach(() => stage.close());
}
