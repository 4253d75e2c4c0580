/** A page of the AI SDK 6 that comes at any place has the message of one that was there from the beginning. */
import * as ai from 'ai';
import { wireProperty } from './wire-property.js';

wireProperty('the AI SDK 6', 6, ai);
