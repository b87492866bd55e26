package stylelib

import (
	"container/list"
	"sync"
)

// shared holds values that several jobs use, one after the other or at once: each is made once, and freed some time
// after the last job that uses it, when there are too many.
type shared[T any] struct {
	limit int64 // of the costs of all values; those in use may be more
	free  func(T)

	mu      sync.Mutex
	entries map[string]*entry[T]
	idle    list.List // of the entries nobody uses, the longest idle first
	cost    int64
}

type entry[T any] struct {
	key   string
	make  sync.Once
	value T
	cost  int64
	err   error
	users int
	idle  *list.Element
}

func newShared[T any](limit int64, free func(T)) *shared[T] {
	return &shared[T]{limit: limit, free: free, entries: map[string]*entry[T]{}}
}

// get returns the value of a key, made by create unless it is there, which also says what it costs. The caller calls
// release when it needs the value no more.
func (s *shared[T]) get(key string, create func() (value T, cost int64, err error)) (value T, release func(), err error) {
	e := s.enter(key)
	e.make.Do(func() {
		e.value, e.cost, e.err = create()
		s.mu.Lock()
		s.cost += e.cost
		s.mu.Unlock()
	})
	if e.err != nil {
		s.leave(e)
		return e.value, nil, e.err
	}
	return e.value, sync.OnceFunc(func() { s.leave(e) }), nil
}

func (s *shared[T]) enter(key string) *entry[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[key]
	if e == nil {
		e = &entry[T]{key: key}
		s.entries[key] = e
	}
	if e.idle != nil {
		s.idle.Remove(e.idle)
		e.idle = nil
	}
	e.users++
	return e
}

func (s *shared[T]) leave(e *entry[T]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.users--; e.users > 0 {
		return
	}
	if e.err != nil { // the next job tries again
		delete(s.entries, e.key)
		return
	}
	e.idle = s.idle.PushBack(e)
	for s.cost > s.limit && s.idle.Len() > 0 {
		oldest := s.idle.Remove(s.idle.Front()).(*entry[T])
		delete(s.entries, oldest.key)
		s.cost -= oldest.cost
		s.free(oldest.value)
	}
}
