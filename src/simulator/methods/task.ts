import { Task } from '../task.js';
import { as, type Handlers } from './handler.js';

export const taskMethods: Handlers<'CancelTask'> = {
  CancelTask({ tasks }, target) {
    tasks.cancel(as(Task, target));
    return undefined;
  },
};
