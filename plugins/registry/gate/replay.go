package gate

import (
	"container/heap"
	"sync"
	"time"
)

// maxRemembered is how many used proofs are remembered at one time. At a window of ten minutes that is 1,600 new ones a
// second; each takes some 150 bytes.
const maxRemembered = 1_000_000

// replay is the memory of used proofs: this process's, so that it survives traps and new policies, and one for all instances.
type replay struct {
	most  int
	since int64
	mutex sync.Mutex
	ends  map[string]struct{}
	queue endings
}

// newReplay makes a memory that is empty. A proof that says it was made in this very second may have been used a moment before.
func newReplay(now time.Time, most int) *replay {
	return &replay{most: most, since: now.Unix() + 1, ends: map[string]struct{}{}}
}

// remember inserts a key until a time, if it is not there. What has not ended is never dropped: a memory that is full refuses.
func (r *replay) remember(key string, until int64, now time.Time) string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	at := now.Unix()
	for len(r.queue) > 0 && r.queue[0].until < at {
		delete(r.ends, heap.Pop(&r.queue).(ending).key)
	}
	if _, there := r.ends[key]; there {
		return seen
	}
	if len(r.ends) >= r.most {
		return full
	}
	r.ends[key] = struct{}{}
	// What ends before now is remembered for this second all the same: it was asked about now.
	heap.Push(&r.queue, ending{key, max(until, at)})
	return fresh
}

type ending struct {
	key   string
	until int64
}

// endings is a heap; what ends first is first.
type endings []ending

func (e endings) Len() int           { return len(e) }
func (e endings) Less(i, j int) bool { return e[i].until < e[j].until }
func (e endings) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *endings) Push(one any)      { *e = append(*e, one.(ending)) }
func (e *endings) Pop() any {
	last := len(*e) - 1
	one := (*e)[last]
	(*e)[last] = ending{}
	*e = (*e)[:last]
	return one
}
