#ifndef PRISMATIC_SERVICES_PROVIDER_PROXY_IMAGE_MESSAGE_H_
#define PRISMATIC_SERVICES_PROVIDER_PROXY_IMAGE_MESSAGE_H_

#include <grpcpp/support/byte_buffer.h>

#include <memory>

#include "prismatic/provider_proxy/v1/provider_proxy.pb.h"
#include "services/common/byte_budget/byte_room.h"

// Messages of the stream GenerateImages, serialized.

namespace prismatic::provider_proxy {

// An image as a GenerateImagesResponse. Its text is not copied: it, and what it takes of the room, live until
// gRPC has sent the last byte.
grpc::ByteBuffer ImageMessage(v1::GeneratedImage image, std::shared_ptr<ByteRoom::Entry> room);

// Any small message.
grpc::ByteBuffer SmallMessage(const v1::GenerateImagesResponse& response);

}  // namespace prismatic::provider_proxy

#endif  // PRISMATIC_SERVICES_PROVIDER_PROXY_IMAGE_MESSAGE_H_
