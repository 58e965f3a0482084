import { ServiceInstance } from '../managers.js';
import { as, type Handlers } from './handler.js';

export const serviceInstanceMethods: Handlers<'RetrieveServiceContent' | 'CurrentTime'> = {
  RetrieveServiceContent: (_world, target) => as(ServiceInstance, target).content,
  CurrentTime: ({ clock }) => clock.timestamp(),
};
