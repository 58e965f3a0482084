import * as z from 'zod';

/** The longest that a timer runs, in milliseconds: one that is set for longer ends at once. */
export const longestTimerMs = 2 ** 31 - 1;

/** An option that says for how long something may take, or be silent, in milliseconds. */
export const timeLimitSchema = z.int().positive().max(longestTimerMs);
