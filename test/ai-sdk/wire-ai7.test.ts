/** A page of the AI SDK 7 that comes at any place has the message of one that was there from the beginning. */
import * as ai7 from 'ai7';
import type { ChatRelease } from '../support/ai-chat.js';
import { wireProperty } from './wire-property.js';

// Typed as 6: what the tests use of it is the same.
wireProperty('the AI SDK 7', 7, ai7 as unknown as ChatRelease);
