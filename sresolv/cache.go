package sresolv

import (
	"container/list"
	"time"
)

// question is what is asked for. Its name is in lower case without final dot.
type question struct {
	name string
	typ  Type
}

// cache keeps answers until their time is over, and at most size of them: the
// one used longest ago goes first. The lock of the resolver guards it.
type cache struct {
	size    int
	entries map[question]*list.Element
	order   *list.List // of *cached; the one used last in front
}

type cached struct {
	question
	answer
	expires time.Time
}

func newCache(size int) *cache {
	return &cache{size: size, entries: make(map[question]*list.Element), order: list.New()}
}

func (c *cache) get(q question, now time.Time) (answer, bool) {
	e := c.entries[q]
	if e == nil {
		return answer{}, false
	}
	v := e.Value.(*cached)
	if !now.Before(v.expires) {
		c.remove(e)
		return answer{}, false
	}
	c.order.MoveToFront(e)
	return v.answer, true
}

func (c *cache) put(q question, a answer, now time.Time) {
	if c.size < 0 || a.ttl <= 0 {
		return
	}
	a.queries = 0
	if e := c.entries[q]; e != nil {
		c.remove(e)
	}
	for c.order.Len() >= c.size {
		c.remove(c.order.Back())
	}
	c.entries[q] = c.order.PushFront(&cached{q, a, now.Add(a.ttl)})
}

func (c *cache) remove(e *list.Element) {
	delete(c.entries, e.Value.(*cached).question)
	c.order.Remove(e)
}

func (c *cache) clear() {
	clear(c.entries)
	c.order.Init()
}
