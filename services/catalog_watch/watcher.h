#ifndef PRISMATIC_SERVICES_CATALOG_WATCH_WATCHER_H_
#define PRISMATIC_SERVICES_CATALOG_WATCH_WATCHER_H_

#include <memory>
#include <string>

#include "services/catalog_watch/catalog_holder.h"
#include "services/catalog_watch/line.h"
#include "services/common/loop/loop.h"
#include "services/common/metrics/metrics.h"

namespace prismatic::catalog_watch {

// Follows the registry's WatchCatalog and feeds a holder, for ever: a broken stream is opened again
// after 100 ms to 2 s, and the holder keeps its last catalog meanwhile. The registry may be down for
// hours. Destroyed before the holder and the loop.
//
// Metrics: Line's.
class Watcher {
 public:
  // `target` is the registry's callers' port, host:port or dns:///name:port.
  Watcher(std::string target, CatalogHolder& holder, loop::Loop& loop, metrics::Registry& metrics);
  // Cancels the stream and waits until gRPC has let go of it. Not on the loop's thread.
  ~Watcher();
  Watcher(const Watcher&) = delete;

 private:
  class Impl;
  Line line_;
  std::shared_ptr<Impl> impl_;
};

}  // namespace prismatic::catalog_watch

#endif  // PRISMATIC_SERVICES_CATALOG_WATCH_WATCHER_H_
