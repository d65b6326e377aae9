package gate

import (
	"container/list"
	"sync"

	"portcullis.example/registry/documents"
)

const (
	// maxStored is the most that is kept of documents, in bytes. Lists are the largest; eight of the largest fit.
	maxStored = 256 * 1024 * 1024
	// storedOverhead is what a document takes beside its bytes: a guess on the high side.
	storedOverhead = 256
	// statusList is the kind of documents that a new gate takes only when a token has named them.
	statusList = "status-list"
)

// store keeps the last good document of each place, for instances that are made later. What was used least goes first.
type store struct {
	mutex   sync.Mutex
	byPlace map[documents.Place]*list.Element
	order   list.List
	bytes   int
}

func newStore() *store { return &store{byPlace: map[documents.Place]*list.Element{}} }

func weight(document *documents.Document) int {
	return len(document.Body) + 2*(len(document.URL)+len(document.Server)) + storedOverhead
}

func (s *store) put(document *documents.Document) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if old := s.byPlace[document.Place()]; old != nil {
		s.drop(old)
	}
	s.byPlace[document.Place()] = s.order.PushFront(document)
	s.bytes += weight(document)
	for s.bytes > maxStored {
		s.drop(s.order.Back())
	}
}

func (s *store) drop(element *list.Element) {
	document := s.order.Remove(element).(*documents.Document)
	delete(s.byPlace, document.Place())
	s.bytes -= weight(document)
}

func (s *store) get(place documents.Place) *documents.Document {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	element := s.byPlace[place]
	if element == nil {
		return nil
	}
	s.order.MoveToFront(element)
	return element.Value.(*documents.Document)
}

// allButLists are all but those that a new gate does not take yet.
func (s *store) allButLists() []*documents.Document {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var all []*documents.Document
	for element := s.order.Front(); element != nil; element = element.Next() {
		if document := element.Value.(*documents.Document); document.Kind != statusList {
			all = append(all, document)
		}
	}
	return all
}
