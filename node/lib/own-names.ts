/**
 * The names that express-session's own sessions have. Data under them is not taken over from a store: it would
 * take the method's place. Names that only ours has are the application's, if it uses them.
 */
export const OWN_NAMES: object = Object.assign(Object.create(Object.prototype), {
  id: 0, req: 0, touch: 0, resetMaxAge: 0, save: 0, reload: 0, destroy: 0, regenerate: 0
})
