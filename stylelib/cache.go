package stylelib

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// cache holds values that several jobs use, also at the same time. Each is made once. When the
// values cost more than the limit, those that no job uses are freed, the least recently used first.
type cache[T any] struct {
	limit int64 // of the sum of the costs, unless more are in use
	free  func(T)

	mu      sync.Mutex
	entries map[string]*entry[T]
	unused  *simplelru.LRU[string, *entry[T]]
	cost    int64
}

type entry[T any] struct {
	key   string
	once  sync.Once
	value T
	cost  int64
	err   error
	users int
}

func newCache[T any](limit int64, free func(T)) *cache[T] {
	unused, _ := simplelru.NewLRU[string, *entry[T]](math.MaxInt, nil) // errs only for a size below 1
	return &cache[T]{limit: limit, free: free, entries: map[string]*entry[T]{}, unused: unused}
}

// get returns the value of a key, made by create if it is missing. Create also returns its cost.
// The caller calls release when it no longer needs the value.
func (c *cache[T]) get(key string, create func() (value T, cost int64, err error)) (value T, release func(), err error) {
	c.mu.Lock()
	e := c.entries[key]
	if e == nil {
		e = &entry[T]{key: key}
		c.entries[key] = e
	}
	c.unused.Remove(key)
	e.users++
	c.mu.Unlock()
	e.once.Do(func() {
		e.value, e.cost, e.err = create()
		c.mu.Lock()
		c.cost += e.cost
		c.mu.Unlock()
	})
	if e.err != nil {
		c.release(e)
		return e.value, nil, e.err
	}
	return e.value, sync.OnceFunc(func() { c.release(e) }), nil
}

func (c *cache[T]) release(e *entry[T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.users--; e.users > 0 {
		return
	}
	if e.err != nil { // the next job tries again
		delete(c.entries, e.key)
		return
	}
	c.unused.Add(e.key, e)
	c.shrink(c.limit)
}

// clear frees all values that no job uses.
func (c *cache[T]) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shrink(-1)
}

func (c *cache[T]) shrink(limit int64) {
	for c.cost > limit {
		_, e, ok := c.unused.RemoveOldest()
		if !ok {
			return
		}
		delete(c.entries, e.key)
		c.cost -= e.cost
		c.free(e.value)
	}
}
