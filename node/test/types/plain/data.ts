// What this application's sessions hold.

export interface Item {
  name: string
  price: number
}

declare module 'handstamp' {
  interface SessionData {
    views: number
    cart: Item[]
    user: { name: string; roles: string[] } | null
  }
}
