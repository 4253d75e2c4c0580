/** A page without a framework, as a test has it in a browser: it follows what it is told to, and keeps what it was told. */
import { followStream, type HeadersRequest, type StreamEvent } from 'generation-jobs/client';
import { textContent } from 'generation-jobs/content';

interface Page {
  /** The bearer token that requests carry; a refusal has the page sign in anew. */
  token: string;
  refused: (number | undefined)[];
  events: StreamEvent[];
  states: string[];
  /** Of the states that wait, how long (ms). */
  pauses: number[];
  text: () => string;
  follow: (url: string, options?: object) => void;
}
const page = globalThis as unknown as Page;

const headers = async ({ refused }: HeadersRequest) => {
  page.refused.push(refused);
  if (refused === 401) page.token = await (await fetch('/sign-in')).text();
  return { 'x-session': 'ann', authorization: `Bearer ${page.token}` };
};

Object.assign(page, { token: '1', refused: [], events: [], states: [], pauses: [] });
page.follow = (url, options = {}) => {
  const following = followStream(url, {
    ...{ contentModel: textContent(), headers, longestPauseMs: 50, ...options },
    onEvent: (event) => {
      page.events.push(event);
    },
    onState: (state) => {
      page.states.push(state.name);
      if ('inMs' in state) page.pauses.push(state.inMs);
    },
  });
  page.text = () => following.current.content?.text ?? '';
};
