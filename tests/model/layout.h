#ifndef PRISMATIC_TESTS_MODEL_LAYOUT_H_
#define PRISMATIC_TESTS_MODEL_LAYOUT_H_

#include "tests/model/mirror.h"
#include "tests/model/model.h"

namespace prismatic::billing::model {

// What Redis must hold for a model: every key, as the head of functions/shared.lua describes them.
Bytes ExpectedBytes(const Model& model);

}  // namespace prismatic::billing::model

#endif  // PRISMATIC_TESTS_MODEL_LAYOUT_H_
