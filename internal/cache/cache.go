// Package cache keeps values that are costly to make and hold memory that must be freed.
package cache

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Cache holds values that several callers use, also at the same time. Each is made once. When the values cost more
// than the limit, those that no caller uses are freed, the least recently used first.
type Cache[K comparable, V any] struct {
	limit int64 // of the sum of the costs, unless more are in use
	free  func(V)

	mu      sync.Mutex
	entries map[K]*entry[V]
	unused  *simplelru.LRU[K, *entry[V]]
	cost    int64
}

type entry[V any] struct {
	once  sync.Once
	value V
	cost  int64
	err   error
	users int
}

// New returns an empty cache with a limit of the sum of its values' costs, and a function that frees a value.
func New[K comparable, V any](limit int64, free func(V)) *Cache[K, V] {
	unused, _ := simplelru.NewLRU[K, *entry[V]](math.MaxInt, nil) // errs only for a size below 1
	return &Cache[K, V]{limit: limit, free: free, entries: map[K]*entry[V]{}, unused: unused}
}

// Get returns the value of a key, made by create if it is missing. Create also returns its cost. The caller calls
// release when it no longer needs the value.
func (c *Cache[K, V]) Get(key K, create func() (value V, cost int64, err error)) (value V, release func(), err error) {
	c.mu.Lock()
	e := c.entries[key]
	if e == nil {
		e = &entry[V]{}
		c.entries[key] = e
	}
	c.unused.Remove(key)
	e.users++
	c.mu.Unlock()
	e.once.Do(func() {
		if e.value, e.cost, e.err = create(); e.err != nil {
			return
		}
		c.mu.Lock()
		c.cost += e.cost
		c.mu.Unlock()
	})
	if e.err != nil {
		c.release(key, e)
		return e.value, nil, e.err
	}
	return e.value, sync.OnceFunc(func() { c.release(key, e) }), nil
}

func (c *Cache[K, V]) release(key K, e *entry[V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.users--; e.users > 0 {
		return
	}
	if e.err != nil { // the next caller tries again
		delete(c.entries, key)
		return
	}
	c.unused.Add(key, e)
	c.shrink()
}

// Close frees all values, those in use as soon as they are released.
func (c *Cache[K, V]) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit = -1
	c.shrink()
}

// Len returns the number of values, those that are being made included.
func (c *Cache[K, V]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.entries)
}

func (c *Cache[K, V]) shrink() {
	for c.cost > c.limit {
		key, e, ok := c.unused.RemoveOldest()
		if !ok {
			return
		}
		delete(c.entries, key)
		c.cost -= e.cost
		c.free(e.value)
	}
}
