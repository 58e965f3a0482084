import { type ErrorDetails, VmdkDriverError } from './vmdk-driver-error.js';

/** An argument or a configuration value is not what its documentation asks for. Nothing was done. */
export class InvalidInputError extends VmdkDriverError {
  static override readonly brand: string = 'InvalidInputError';
  readonly code = 'INVALID_INPUT';
  /** The field at fault, as a path such as `volume.size` or `config.tmpDir`. */
  readonly field: string;

  constructor(field: string, message: string, details?: ErrorDetails) {
    super(`${field}: ${message}`, details);
    this.field = field;
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), field: this.field };
  }
}
